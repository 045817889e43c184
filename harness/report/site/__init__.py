"""The static page: one folder that opens from disk, without a server and without a request leaving it."""
