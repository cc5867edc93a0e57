"""The domain: models, deployments and clusters; wishes, their reconciliation, and what was observed."""
