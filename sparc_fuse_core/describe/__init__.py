"""What results are found by: a table of the items, the catalogue, the dataset in other standards' words."""
