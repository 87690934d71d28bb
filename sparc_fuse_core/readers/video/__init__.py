"""Videos: AVI, MP4 and MOV."""
