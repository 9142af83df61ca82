"""What can be written, one module a use: each decodes ids, checks the input and calls the use case."""
