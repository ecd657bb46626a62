"""Evidence from names: folders, files, captions, keywords and place tags, looked up offline."""
