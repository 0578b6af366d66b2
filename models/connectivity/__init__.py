"""Which edges exist."""
