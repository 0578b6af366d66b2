"""Programs for the repository itself; nothing that hwsim needs to run."""
