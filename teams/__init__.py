"""Who may do what: teams, memberships, roles, tokens and the audit."""
