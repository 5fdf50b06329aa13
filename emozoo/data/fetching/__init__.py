"""Downloads a corpus: `bringing` one file by HTTP, `unpacking` archives, `fetch` all that a dataset names."""
