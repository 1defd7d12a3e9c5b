from .prediction import Prediction as Prediction

__all__: list[str]
