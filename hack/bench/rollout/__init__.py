"""What the users of an application feel of a deploy and of scaling, beside the same application without us."""
