"""Pure online estimators that two services or more use, in River's shape, and their numba banks."""
