"""From a request to a task whose first step is ready to be paid for."""
