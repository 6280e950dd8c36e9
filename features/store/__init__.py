"""Where states are kept online: Feast's own Redis layout, written and read directly."""
