"""What can be typed after `agentflow`: the options of each command, and its help. The work is done elsewhere."""
