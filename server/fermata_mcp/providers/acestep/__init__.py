"""ACE-Step 1.5 on a server that people run themselves, in its two builds."""
