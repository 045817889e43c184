"""The one door to transformers and accelerate; the linter bans the imports elsewhere.

Importing this package loads neither: each module imports them inside its functions, because they cost seconds.
"""
