"""One file per arrow of the picture. A step takes its world as arguments, and imports no other step."""
