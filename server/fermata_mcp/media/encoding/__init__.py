"""How sound is to be written so that nothing is lost on the way: bit rates, loudspeakers, peaks."""
