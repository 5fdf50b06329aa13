"""Many clips: listed, opened, answered, and their answers kept in a folder of Parquet files."""
