"""Where stages are put together: functions that return complete configs or run a whole story."""
