"""What `./dev` runs: installing, checking, testing. Nothing of the product imports this."""
