"""The checks of `awbridge doctor`, by what they check."""
