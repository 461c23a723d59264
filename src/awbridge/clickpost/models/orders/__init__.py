"""Bodies of create-order in every form: fields, limits and the rules between fields."""
