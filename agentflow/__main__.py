"""`python -m agentflow` and the console script `agentflow`."""

from agentflow.cli import main

if __name__ == "__main__":
    main()
