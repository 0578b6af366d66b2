"""Reports of runs and studies for a browser: what their directories hold, as one file of HTML each."""
