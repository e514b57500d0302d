"""Training the planner inside the live system.

`advantages`, `samples` and `objective` are Flow-GRPO; the rest serves them.

Paper: In-the-Flow Agentic System Optimization (AgentFlow), arXiv 2510.05592; equations are numbered as there.
"""
