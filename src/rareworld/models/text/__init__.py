"""Text to context: T5 (Predict2), Reason1 (Predict2.5), the mini encoder, and their caches."""
