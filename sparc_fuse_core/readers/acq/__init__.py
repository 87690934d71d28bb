"""BIOPAC AcqKnowledge."""
