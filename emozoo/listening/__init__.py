"""Live audio: pipes and microphones become answers as they come."""
