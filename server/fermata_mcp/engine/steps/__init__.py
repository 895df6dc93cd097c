"""How one step of a task is carried out: submitted, polled, its audio fetched, placed, joined and saved."""
