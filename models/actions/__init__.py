"""What to do next: the policy, the choice, what is learned of responses, and what a policy brings."""
