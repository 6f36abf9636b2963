"""What must outlive a call."""
