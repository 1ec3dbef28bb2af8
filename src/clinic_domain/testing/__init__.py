"""
Strategies, state machines, contract suites and fakes that ship with the package (extra: testing).

Nothing is imported here, so that the fakes need no test framework:

- `fakes`: clocks, ids, share codes and the platform's services, deterministic and without I/O;
- `examples`: records to test with, one call each;
- `strategies`: the same for Hypothesis;
- `contracts`: what every storage promises, as tests;
- `machines`: all use cases in any order over a storage, against a plain model.
"""
