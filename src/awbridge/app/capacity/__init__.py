"""The estimate of capacity with the settings of this installation."""
