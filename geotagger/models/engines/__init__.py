"""How networks are run: CUDA by torch, CPU by ONNX Runtime, plain torch where neither will do."""
