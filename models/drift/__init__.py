"""Whether customers still look like those trained on."""
