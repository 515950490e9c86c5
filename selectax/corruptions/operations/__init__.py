"""Operations that several corruptions share."""
