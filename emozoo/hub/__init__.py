"""What is read from the Hugging Face Hub."""
