"""The way in: one file per ingress controller whose options are known, and the Ingress they share."""
