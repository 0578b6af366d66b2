"""``hwsim bench``: how fast engines train and whole commands run, beside the same of another state of the code if wanted."""
