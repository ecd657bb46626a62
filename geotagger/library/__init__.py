"""The catalog: photos, embeddings, suggestions, decisions, the write journal."""
