"""What readers of several formats share: planes, records, damage, axes, units."""
