"""What an impact leaves behind: dents, broken lamps, debris and tyre marks."""
