"""Windows of many shapes, for what holds for all of them."""

from hypothesis import strategies as st

from emozoo.media.window_shape import WindowShape

SHAPES = st.builds(
    WindowShape,
    seconds=st.sampled_from((0.5, 1.1, 3.0, 5.0, 12.3)),
    hop=st.sampled_from((0.1, 0.25, 0.5)),
    frames=st.sampled_from(((20, 60, 100), (16, 112, 112), (1, 1, 1), (7, 20, 9))),
)
