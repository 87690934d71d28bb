"""Raw samples, as a mapping scheme states them."""
