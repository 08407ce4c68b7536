"""What the gate measures of this repository: the repaired reference modules, as a service would use them."""
