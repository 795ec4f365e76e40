"""What a metric sees: clips spoilt by known amounts, and how far each number moves."""
