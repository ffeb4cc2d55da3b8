"""Publishing a file of messages to Kafka, line by line, with an account of every line."""
