"""The commands of the roof: start the house, look at it, ask it. ``services/__main__.py`` names them."""
