"""What the operator asks the applications themselves: requests to their pods and through their edge.

Knows nothing of the API server or of what an answer means for a status; never raises for what a network does.
"""
