"""How the shipped coefficients were made. Run once by hand, never by the product."""
