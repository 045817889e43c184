"""Claims about Qwen models, from an article to a verdict: see harness/README.md."""
